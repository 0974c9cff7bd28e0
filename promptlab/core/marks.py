"""A byte for each of many whole numbers, where a map would take a hundred times as much."""


class Marks:
    """Gives the mark (0..255) of a number from 0 on; 0 where none was set."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __getitem__(self, number: int) -> int:
        return self._bytes[number] if number < len(self._bytes) else 0

    def __setitem__(self, number: int, mark: int) -> None:
        if number >= len(self._bytes):
            self._bytes.extend(bytes(number + 1 - len(self._bytes)))
        self._bytes[number] = mark
