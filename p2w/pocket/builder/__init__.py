"""How the pocket base model was made; not part of the installed package."""
