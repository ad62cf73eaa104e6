"""What no plan of a case can beat: in closed form, over whole ranges of nodes, by a program."""
