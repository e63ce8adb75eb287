"""What falls due: the reckoning is pure, the cycle is the loop."""
