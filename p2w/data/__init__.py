"""Raw tables from the Hub, files and addresses (datasets); samples; the user's own questions."""
