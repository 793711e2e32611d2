"""Command lines of the Python clients: a role, then `--name value` pairs."""

import json
import sys


class Options(dict):
    """`--max-messages 5` is `options["max_messages"] == "5"`; a flag alone is "true"."""

    @classmethod
    def read(cls, argv):
        role, words = argv[0], argv[1:]
        options = cls()
        while words:
            name = words.pop(0).removeprefix("--").replace("-", "_")
            alone = not words or words[0].startswith("--")
            options[name] = "true" if alone else words.pop(0)
        options["bootstrap"] = options.get("bootstrap_server") or options.get("broker_list")
        return role, options

    def number(self, name):
        return int(self[name])


def say(name, **fields):
    """One JSON line, as Kafka's verifiable clients print them."""
    print(json.dumps({"name": name, **fields}), flush=True)


def main(roles):
    role, options = Options.read(sys.argv[1:])
    roles[role](options)
