import pytest
from explain_cases import plan_of, small_case

from shardplan.explain.numbers.study import Study


@pytest.fixture(scope="session")
def study():
    return Study.of(plan_of(small_case()), "plan.json")
