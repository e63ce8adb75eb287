"""The climb of a case: lifecycle and ladder are pure, the cycle is the loop."""
