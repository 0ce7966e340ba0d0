"""Files that appear whole, are noticed when damaged, and say what made them."""
