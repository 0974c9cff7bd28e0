"""What the template process is made of: Jinja in a sandbox, role tags, JSON in and out."""
