"""Stock veRL on a CPU: platform, engine, worker and rollout. Imports nothing by itself."""
