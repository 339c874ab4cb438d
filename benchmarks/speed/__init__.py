"""Speed: environment steps, training, scaling, long runs, and the yardsticks they are compared with."""
