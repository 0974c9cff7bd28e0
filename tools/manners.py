"""A check of one's own: functions in files of the project."""


def polite(output: str) -> dict[str, object]:
    found = "thank" in output.lower()
    return {
        "passed": found,
        "score": 1.0 if found else 0.0,
        "reason": "thanks" if found else "does not thank",
    }
