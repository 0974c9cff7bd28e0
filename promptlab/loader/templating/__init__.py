"""The static analysis of templates: what they name, include and compare, and what is wrong with them."""
