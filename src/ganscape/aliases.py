"""Names that studies may use for fields of a config: here because spaces, configs and exports of results share them."""

# An alias -> the fields that all get its value. `discriminator_batchnorm`, true or false, is an alias of another kind.
ALIASED_FIELDS = {
    "learning_rate": ("g_lr", "d_lr"),
    "lr": ("g_lr", "d_lr"),
    "lambda": ("penalty_weight",),
    "n_dis": ("disc_iters",),
}
