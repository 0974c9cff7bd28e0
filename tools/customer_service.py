"""A small HTTP service that knows the customers of data/customers.json; for pipelines/customer_reply.yaml.

    python tools/customer_service.py [PORT]

GET /customers/ID?fields=NAME&fields=NAME gives these facts of a customer as JSON.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CUSTOMERS = json.loads((Path(__file__).parent.parent / "data" / "customers.json").read_text())


class Customers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        customer = CUSTOMERS.get(unquote(parts.path.removeprefix("/customers/")))
        if customer is None:
            return self._answer(404, {"error": "no such customer"})
        fields = parse_qs(parts.query).get("fields", list(customer))
        return self._answer(200, {name: customer[name] for name in fields if name in customer})

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8765), Customers)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
