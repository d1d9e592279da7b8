"""Callbacks of Ray Tune for `ganscape run --callback callbacks:NAME`, in the folder of the command or on PYTHONPATH."""


def wandb():
    """Weights & Biases; needs the package wandb and its key in WANDB_API_KEY."""
    from ray.air.integrations.wandb import WandbLoggerCallback

    return WandbLoggerCallback(project="ganscape")


def mlflow():
    """MLflow, to the server of MLFLOW_TRACKING_URI; needs the package mlflow."""
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    return MLflowLoggerCallback(experiment_name="ganscape")
