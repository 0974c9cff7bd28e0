"""What routes ask for that try prompts."""

from typing import Annotated

from fastapi import Depends, Request

from promptlab.live.playground.running import Playground


async def get_playground(request: Request) -> Playground:
    """Give what tries prompts; the application's lifespan put it there."""
    playground: Playground = request.app.state.playground
    return playground


type PlaygroundDep = Annotated[Playground, Depends(get_playground)]
