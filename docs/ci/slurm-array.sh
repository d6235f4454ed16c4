#!/bin/bash
# Slurm: a plan in eight parts on whatever nodes are free, then joined and compared.
#
#   sbatch docs/ci/slurm-array.sh westphal-forwarding
#
# Each task of the array takes its part by itself (--shard auto reads the SLURM_ARRAY_TASK variables). All need the same
# seed: the plan is made from it. /shared is a folder that every node sees, with flowgauge and its kernel cache in it.
#SBATCH --job-name=flowgauge
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --output=flowgauge-%A-%a.log
set -euo pipefail

shards=/shared/flowgauge/$SLURM_ARRAY_JOB_ID
export XDG_CACHE_HOME=/shared/cache

# The first task asks for the joining, which begins when the last part is there.
if [ "$SLURM_ARRAY_TASK_ID" -eq "$SLURM_ARRAY_TASK_MIN" ]; then
	sbatch --dependency="afterany:$SLURM_ARRAY_JOB_ID" --job-name=flowgauge-merge \
		--output="flowgauge-$SLURM_ARRAY_JOB_ID-merge.log" \
		--wrap="flowgauge merge $shards/*/LAST --out $shards/merged \
			&& flowgauge compare /shared/flowgauge/baseline $shards/merged"
fi

flowgauge bench "$@" --clock instructions --kernel debian:6.12 --seed 1 --shard auto --quiet \
	--out "$shards/$SLURM_ARRAY_TASK_ID"
