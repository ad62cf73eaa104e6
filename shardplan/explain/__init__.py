"""Why a plan costs what it costs: the numbers first, then how they are shown."""
