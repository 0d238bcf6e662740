"""Hyperparameters in the names of folders and files, such as `lr=0.1,units=32`.

People name a folder after what they vary, and just as often `run_3`, `fold_2`, `2024-01-31` or
`resnet50`. So only what is certain is taken: what stands beside "=", what follows a word that means
a hyperparameter and nothing else, and other words only beside such a one.
"""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from auditor.files import Json
from auditor.readers.contents import clean


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CERTAIN = _words(
    """
    lr learning_rate learningrate init_lr base_lr max_lr bs batch_size batchsize units n_units
    num_units hidden_units n_hidden hidden_size hidden_dim n_layers num_layers layers filters
    n_filters num_filters kernel_size neurons dropout dropout_rate drop_rate recurrent_dropout
    momentum decay weight_decay wd lr_decay l1 l2 reg l1_reg l2_reg weight_reg optimizer opt
    optim activation act activation_fn epochs n_epochs num_epochs max_epochs patience
    embedding_dim emb_dim latent_dim num_heads n_heads max_depth n_estimators label_smoothing
    clipnorm clipvalue warmup warmup_steps beta1 beta2 beta_1 beta_2 epsilon loss_fn
    loss_function initializer kernel_initializer img_size image_size seq_len
    """
)
"""Words that name a hyperparameter and nothing else."""

_UNCERTAIN = _words(
    """
    loss epoch eps batch hidden width depth size alpha beta gamma lambda kernel nodes dense rate
    init scheduler schedule temperature tau heads dim conv_filters embedding
    """
)
"""Words that may count something instead (`epoch_30`, `batch_2`): taken beside a certain one."""

_NEED_WORD = _words("optimizer opt optim activation act activation_fn initializer")
_NEED_FRACTION = _words("l1 l2")
"""Words that before a whole number may be labels: the second option, layer 1."""

_SHARES = _words(
    """
    dropout dropout_rate drop_rate recurrent_dropout momentum label_smoothing beta1 beta2 beta_1
    beta_2
    """
)
"""Words for shares of 1: `dropout_60` may be 60 %, or dropout in a model trained for 60 epochs."""

_RATES = _words(
    """
    lr learning_rate learningrate init_lr base_lr max_lr lr_decay decay weight_decay wd l1 l2 reg
    l1_reg l2_reg weight_reg epsilon
    """
)
MOST_RATE = 10.0
"""Value of such a word above which it is none: `lr_1e5` stands for 1e-5, whose sign got lost."""

_GLUED = _words("lr bs wd dropout units epochs layers filters momentum batch hidden")
"""Words that people write without anything between word and number: `lr0.01`, `bs32`."""

LABELS = _words(
    """
    run iter iteration fold kfold cv split seed random_state trial rep repeat repetition
    replicate replica try attempt version ver v exp experiment log log_dir id idx index no nr
    num job worker part date time day model net test train val valid ckpt checkpoint best last
    final task gpu rank host node config cfg case group set step stage phase
    """
)
"""Words before a number that tells repetitions apart: no hyperparameters."""

_WORDS = _words(
    """
    adam adamw adamax nadam sgd rmsprop adagrad adadelta ftrl lion lamb adafactor relu sigmoid
    tanh elu selu gelu swish silu softmax softplus softsign linear leaky_relu leakyrelu mish
    relu6 hard_sigmoid exponential mse mae bce cce mape msle huber hinge squared_hinge logcosh
    kld poisson crossentropy cross_entropy binary_crossentropy categorical_crossentropy
    sparse_categorical_crossentropy mean_squared_error mean_absolute_error uniform normal zeros
    ones glorot_uniform glorot_normal he_uniform he_normal lecun_uniform lecun_normal orthogonal
    truncated_normal true false none cosine constant
    """
)
"""Values that are words."""

MOST_CHARACTERS = 1_000
"""A longer name is not looked at."""

_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d"
    r"(?:[-_T ]*[0-2]\d[-_.:h]?[0-5]\d(?:[-_.:]?\d\d)?)?"
    r"(?!\d)"
)
_NUMBER = re.compile(r"[-+]?(?:\d+p\d+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![^\W_])", re.IGNORECASE)
_END = re.compile(r"\.(csv|tsv|txt|log|out|json|pkl|pickle|p|npy)(\.gz)?$", re.IGNORECASE)
_LABEL = re.compile(
    rf"(?<![^_\-,;\s])(?:{'|'.join(sorted(LABELS, key=len, reverse=True))})[_-]?\d+(?=$|[_\-,;\s])",
    re.IGNORECASE,
)


_PAIRS = re.compile(r"[^,;&|\s=]*=(?:(?!__)[^,;&|\s])*")
"""Names and values between signs that separate, of which "__" after a "=" is one."""


def _any_of(words: frozenset[str]) -> str:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(word.replace("_", "[_-]?") for word in longest_first)


_SPELLED = re.compile(
    rf"(?<![^_\-,;\s.(\[])(?P<name>{_any_of(_CERTAIN | _UNCERTAIN)})(?P<between>[_\-: ]?)"
    rf"(?:(?P<number>{_NUMBER.pattern})|(?P<word>{_any_of(_WORDS)}))(?=$|[_\-,;\s)\]])",
    re.IGNORECASE,
)


def hyperparameters_in_path(path: Path, root: Path) -> dict[str, Json]:
    """Hyperparameters in the names of a file and of the folders around it, from the root on.

    The closest name counts where several give a value.

    Example:
        >>> hyperparameters_in_path(Path("grid/lr_0.1/run_2/log.csv"), Path("grid"))
        {'lr': 0.1}
    """
    return {**_in_folders(path.parent, root), **_found_in(_END.sub("", path.name))}


def hyperparameters_in(name: str) -> dict[str, Json]:
    """The hyperparameters in one name, without the end of a file's name.

    Example:
        >>> hyperparameters_in("loss_mse__epoch_50000__lr_0.1")
        {'loss': 'mse', 'epoch': 50000, 'lr': 0.1}
        >>> hyperparameters_in("run_3_resnet50")
        {}
    """
    return dict(_found_in(name))


@lru_cache(4096)
def _in_folders(folder: Path, root: Path) -> dict[str, Json]:
    inside = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
    found: dict[str, Json] = {}
    for name in (root.name, *inside):
        found |= _found_in(name)
    return found


@lru_cache(4096)
def _found_in(name: str) -> dict[str, Json]:
    if len(name) > MOST_CHARACTERS:
        return {}
    name = _DATE.sub("", str(clean(name)))
    name = _LABEL.sub("", name)
    return dict(_assigned(name)) if "=" in name else _spelled(name)


def _assigned(name: str) -> Iterator[tuple[str, Json]]:
    """What stands around each "="."""
    for part in re.findall(_PAIRS, name):
        *fields, rest = part.split("=")
        for at, field in enumerate(fields):
            following = fields[at + 1] if at + 1 < len(fields) else None
            key = _name_at_end(field) if at == 0 else _value_and_name(field)[1]
            value = rest if following is None else _value_and_name(following)[0]
            value = _without_remark(value.strip("_-()[]{}'\" "))
            if key and value and key.lower() not in LABELS:
                yield key, _typed(value)


def _name_at_end(text: str) -> str:
    """The name in `train_00001_1_lr`: known words, or what follows the last number."""
    text = text.strip("_-()[]{}'\" ")
    nested = re.search(r"[A-Za-z][A-Za-z_]*?__[A-Za-z_]+$", text)  # scikit-learn's
    if nested and nested.group().split("__")[0].lower() not in LABELS - {"model", "net"}:
        return nested.group()
    known = _known_end(text)
    return known or re.split(r"(?:^|[_-])\d+[_-]", text)[-1]


def _value_and_name(text: str) -> tuple[str, str]:
    """The two in `0.1_units`, which stand between one "=" and the next."""
    known = _known_end(text)
    if known and len(known) < len(text):
        return text[: -len(known)].rstrip("_-"), known
    number = _NUMBER.match(text)
    if number and text[number.end() : number.end() + 1] in ("_", "-"):
        return number.group(), text[number.end() :].lstrip("_-")
    value, _, key = text.replace("-", "_").rpartition("_")
    return value, key


def _known_end(text: str) -> str:
    """The longest end of a text that is a known word."""
    for start in re.finditer(r"(?:^|(?<=[_-]))(?=[^_-])", text):
        end = text[start.start() :]
        if end.lower().replace("-", "_") in _CERTAIN | _UNCERTAIN:
            return end
    return ""


def _without_remark(value: str) -> str:
    """The number in `0.1_final`; everything else as it is."""
    number = _NUMBER.match(value)
    has_remark = number and re.match(r"[_-]+[^\W\d_]", value[number.end() :])
    return number.group() if number and has_remark else value


def _spelled(name: str) -> dict[str, Json]:
    """What follows known words; in a name of parts like `a_1__b_2`, other words as well."""
    found: dict[str, Json] = {}
    certain = False
    for match in _SPELLED.finditer(name):
        key = match["name"]
        plain = key.lower().replace("-", "_")
        if not match["between"] and (match["word"] or plain not in _GLUED):
            continue
        if match["number"] and _is_doubtful(plain, match["number"], name[match.end() :]):
            continue
        certain = certain or plain in _CERTAIN
        found[key] = _typed(match["number"] or match["word"])
    found |= _parts(name)
    return found if certain else {}


def _is_doubtful(key: str, number: str, following: str) -> bool:
    is_whole = not re.search(r"[.e]", number, re.IGNORECASE)
    if key in _NEED_WORD or (is_whole and key in _NEED_FRACTION):
        return True
    value = _typed(number)
    most = 1.0 if key in _SHARES else MOST_RATE if key in _RATES else math.inf
    if isinstance(value, int | float) and value > most:
        return True
    # `units_32_64` and `dropout_0.5_0.3` may be lists, and `lr_0_01` a fraction.
    return re.match(r"[_-]\d" if is_whole else r"[_-]\d*\.\d", following) is not None


def _parts(name: str) -> dict[str, Json]:
    """The parts of `alpha_0.5__beta_2`, if all that "__" separates are a word and a value."""
    parts = [part for part in re.split(r"__+", name) if part.strip("_-")]
    pairs = [re.fullmatch(r"_?([A-Za-z][\w-]*?)[_-]([^_]+|[A-Za-z_]+)_?", part) for part in parts]
    if len(parts) < 2 or not all(pairs):
        return {}
    return {p[1]: _typed(p[2]) for p in pairs if p and p[1].lower() not in LABELS}


def _typed(text: str) -> Json:
    """A number or truth value where the text is surely one; `007` is a label."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    match = _NUMBER.fullmatch(text)
    digits = text.lstrip("+-")
    if not match or len(text) > 40 or re.match(r"0\d", digits):
        return text
    text = re.sub(r"(?i)(\d)p(\d)", r"\1.\2", text)
    if digits.isdigit():
        return int(text) if len(digits) < 19 else text
    value = float(text)
    return value if abs(value) != float("inf") else text
