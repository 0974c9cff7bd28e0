"""HEAD as GET is answered, without the body."""

from promptlab.live.serving.asgi import App, Message, Receive, Scope, Send

STREAMS = "/events"  # how the paths end of what never does; there HEAD is not allowed


class Heads:
    """Has every route that answers GET answer HEAD too, but for streams of events."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD" or scope["path"].endswith(STREAMS):
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b""})

        await self.app({**scope, "method": "GET"}, receive, send_without_body)
