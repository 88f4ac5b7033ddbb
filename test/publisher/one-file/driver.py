"""Does with public/clients/tickertape.py what the lines of its input say, and prints what becomes of it: see driver.ts."""

import json
import re
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[3] / "public/clients"))

from tickertape import Publisher  # noqa: E402

printing = threading.Lock()


def say(**what):
    with printing:
        print(json.dumps(what), flush=True)


def fault(error):
    members = ("status", "code", "issues")
    return {"name": type(error).__name__, **{name: getattr(error, name) for name in members if hasattr(error, name)}}


def answer(id, work):
    """In a thread: it may take long."""

    def run():
        try:
            say(id=id, value=work())
        except Exception as error:
            say(id=id, error=fault(error))

    threading.Thread(target=run, daemon=True).start()


def open_publisher(of, options):
    keys = options.pop("keys", None)
    if keys:
        options["key"] = lambda: keys.pop(0) if len(keys) > 1 else keys[0]
    return Publisher(
        on_error=lambda error, updates: say(of=of, event=fault(error), updates=updates),
        **{re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name): value for name, value in options.items()},
    )


def look(publisher):
    state, reason = publisher.status
    return {"pending": publisher.pending, "dropped": publisher.dropped, "state": state, "reason": reason}


publishers = {}
for line in sys.stdin:
    command = json.loads(line)
    of, id, updates = command["of"], command.get("id"), command.get("updates")
    if command["do"] == "open":
        publishers[of] = open_publisher(of, command["options"])
        continue
    publisher = publishers[of]
    if command["do"] == "send":
        publisher.send(updates)
    elif command["do"] == "publish":
        answer(id, lambda publisher=publisher, updates=updates: publisher.publish(updates)._asdict())
    elif command["do"] == "flush":
        answer(id, publisher.flush)
    elif command["do"] == "close":
        answer(id, lambda publisher=publisher, timeout=command.get("timeout"): publisher.close(timeout))
    elif command["do"] == "look":
        say(id=id, value=look(publisher))
