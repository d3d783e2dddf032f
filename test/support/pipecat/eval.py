"""Plays a scenario of Pipecat's evaluations to a bot, as `pipecat eval run` does: `eval.py SCENARIO.yaml WS_URL`; exits 0 when it passes.

The command itself needs packages that a bot does not; what it runs is this.
"""
import asyncio
import sys

from pipecat.evals.harness import EvalSession
from pipecat.evals.scenario import EvalScenario


async def main():
    result = await EvalSession.from_scenario(EvalScenario.load(sys.argv[1]), sys.argv[2]).run()
    for line in [*result.failures, *result.debug_log]:
        print(line)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
