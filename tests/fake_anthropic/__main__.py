"""`python -m tests.fake_anthropic --port N`: a model server for a whole product to talk to.

It answers every request with what the stand-in model makes of it, so workflows run to their
end; `--replies FILE` (a JSON list of message contents) is answered first.
"""

import argparse
import json
from pathlib import Path

from tests.fake_anthropic.replies import Reply
from tests.fake_anthropic.server import Recorded, serve
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.core.stand_in import stand_in_reply


def _from_file(path: str | None) -> list[Reply]:
    if path is None:
        return []
    contents = json.loads(Path(path).read_text(encoding="utf-8"))
    return [
        Reply(
            content=tuple(content),
            stop_reason="tool_use" if any(b["type"] == "tool_use" for b in content) else "end_turn",
        )
        for content in contents
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--replies")
    options = parser.parse_args()
    queue = _from_file(options.replies)

    def answer(request: Recorded) -> Reply:
        if queue:
            return queue.pop(0)
        reply = stand_in_reply(ModelRequest.from_body(request.body))
        return Reply(content=tuple(reply.content), stop_reason=reply.stop)

    serve(options.port, answer)


if __name__ == "__main__":
    main()
