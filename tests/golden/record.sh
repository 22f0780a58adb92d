#!/bin/sh
# Records the golden replays anew: only for a new version of an environment, never to please a test.
set -eu
# May be several words: SIMENV="python -m simenv.cli" tests/golden/record.sh
simenv=${SIMENV:-.venv/bin/simenv}
here=tests/golden
cd "$(dirname "$0")/../.."
tasks=$here/airline.tasks.jsonl.gz
rm -f "$here"/airline-*.jsonl "$tasks" "$tasks".part "$tasks".body
$simenv synth airline --split golden --depth 1:5 --breadth 1:3 --count 40 --seed 0 --out "$tasks"
for agent in oracle oracle:recovers idle; do
    name=$(echo "$agent" | tr : -)
    $simenv run airline --agent "$agent" --tasks "$tasks" --out "$here/airline-$name.jsonl"
done
