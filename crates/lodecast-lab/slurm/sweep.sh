#!/bin/bash
# One run of a sweep for each task of a SLURM array. Adapt the #SBATCH lines to your cluster, then:
#
#     lodecast lab sweep --task cifar100-resnet18 --optimizer adamw --configurations sweep/configurations
#     sbatch --array=0-95 sweep.sh sweep        # the last number is one less than the number of configurations
#     lodecast lab gather sweep/results --configurations sweep/configurations -o sweep.parquet
#
# Runs that have a result are passed over, so that the same line, submitted again, trains what is missing.
#SBATCH --job-name=lodecast-sweep
#SBATCH --cpus-per-task=1
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --output=%x-%A-%a.log

set -euo pipefail

folder=${1:?say which folder has the configurations}
name=$(printf '%04d.json' "${SLURM_ARRAY_TASK_ID:?submit this with sbatch --array}")
result=$folder/results/$name

if [ -e "$result" ]; then
    echo "$result is there already"
    exit 0
fi
mkdir -p "$folder/results"
# The result is written whole or not at all.
exec "${LODECAST:-lodecast}" lab run --config "$folder/configurations/$name" --out "$result" --quiet > /dev/null
