import pytest
from plan_cases import make_case, make_plan


@pytest.fixture
def case():
    return make_case()


@pytest.fixture
def plan(case):
    return make_plan(case)
