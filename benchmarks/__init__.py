"""How fast the environment is; not part of the installed package."""
