"""Cost models from measurements: measuring a machine, fitting, and holding models against times."""
