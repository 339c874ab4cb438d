"""One file for each algorithm: its hyper-parameters, its loss and its learner."""
