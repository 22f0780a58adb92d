#!/bin/sh
# Records the golden replays anew: only for a new version of an environment, never to please a test.
set -eu
# May be several words: SIMENV="python -m simenv.cli" tests/golden/record.sh
simenv=${SIMENV:-.venv/bin/simenv}
here=tests/golden
cd "$(dirname "$0")/../.."
rm -f "$here"/airline-*.jsonl
$simenv pack airline --split golden --worlds 2 --tasks 34 --out "$here/airline.tasks.jsonl.gz"
for agent in oracle oracle:recovers idle; do
    name=$(echo "$agent" | tr : -)
    $simenv run airline --agent "$agent" --tasks "$here/airline.tasks.jsonl.gz" --out "$here/airline-$name.jsonl"
done
