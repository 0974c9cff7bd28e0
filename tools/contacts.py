"""Bring an extracted contact into the one form in which we store it."""

import re


def normalise(contact: dict[str, str]) -> dict[str, str]:
    """Give the contact with its name capitalised, its address in lower case and its phone as +digits."""
    return {
        "name": " ".join(word.capitalize() for word in contact["name"].split()),
        "email": contact["email"].strip().lower(),
        "phone": "+" + re.sub(r"\D", "", contact["phone"]),
    }
