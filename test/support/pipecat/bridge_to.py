"""The shipped bridge for sessions that exist already: the user's URL says which, `/ws-client?session=<JSON>`."""
import importlib.util
import json
import pathlib
import sys

path = pathlib.Path(__file__).parents[3] / "scripts" / "pipecat" / "bridge.py"
spec = importlib.util.spec_from_file_location("bridge", path)
bridge = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bridge)


async def bot(runner_args):
    runner_args.body = {"effect_voice": json.loads(runner_args.websocket.query_params["session"])}
    await bridge.bot(runner_args)


if __name__ == "__main__":
    sys.argv[0] = str(path)
    from pipecat.runner.run import main

    main()
