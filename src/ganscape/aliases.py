"""Other names of config fields, such as `lr` for `g_lr` and `d_lr`: study files, configs and exports share them."""

# An alias -> the fields that all get its value. `discriminator_batchnorm`, true or false, is an alias of another kind.
ALIASED_FIELDS = {
    "learning_rate": ("g_lr", "d_lr"),
    "lr": ("g_lr", "d_lr"),
    "lambda": ("penalty_weight",),
    "n_dis": ("disc_iters",),
}
