"""From prompts to weights: the hyper-convolutional decoder, its training, generation."""
