"""Commands of ``python -m recipes``, one per module: ``add_arguments`` declares the arguments, ``run`` executes it."""
