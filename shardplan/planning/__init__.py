"""From a case to a plan: formulate, start, solve, settle, predict, write down."""
