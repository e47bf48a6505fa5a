"""`attncli.compare`: an assertion in a test, whose message is the report, for arrays of any library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernels.honest import Inputs, flash, to

import attncli
from attncli import AttnError, Comparison, compare


def inputs() -> Inputs:
    r = np.random.default_rng(0)
    q, k, v = (to("bfloat16", r.normal(size=(3, 136, 16))) for _ in range(3))
    return Inputs(q, k, v, "bfloat16")


class Foreign:
    """An array of another library, which NumPy can read by DLPack alone."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_it_is_true_or_false() -> None:
    """An honest kernel is true, a faulty one false."""
    x = inputs()
    good = compare(x.problem, flash(x), dtype="bfloat16")
    assert good
    assert isinstance(good, Comparison)
    assert isinstance(good, attncli.Comparison)
    short = flash(Inputs(x.q, x.k[:, :128], x.v[:, :128], "bfloat16"))
    bad = compare(x.problem, short, dtype="bfloat16")
    assert not bad
    assert bad.agrees[0] == "last_block_dropped"
    assert str(bad).startswith("✗ output  1×3×136×16 bfloat16: noise ")
    assert repr(bad).startswith("<✗ 1×3×136×16 bfloat16: noise ")
    assert len(repr(bad)) <= 240
    assert "\n" not in repr(bad)
    assert bad.json()["verdict"] == "beyond"
    assert "last\\_block\\_dropped" in bad.to("markdown")


@pytest.mark.parametrize("dtype", ["float16", np.float16, np.dtype("float16"), None])
def test_the_format_may_be_a_type(dtype: Any) -> None:
    """By default it is that of the array."""
    x = inputs()
    out = flash(Inputs(x.q, x.k, x.v, "float16")).astype(np.float16)
    assert compare(x.problem, out, dtype=dtype)


def test_a_list_needs_a_format() -> None:
    """Numbers without a type have no format."""
    with pytest.raises(AttnError, match="the output is text, which has no number format"):
        compare({"Q": [[1]], "K": [[1]], "V": [[1]]}, [[1.0]])


def test_dlpack() -> None:
    """What knows DLPack alone is read, in fields too."""
    x = inputs()
    assert compare({name: Foreign(array) for name, array in x.problem.items()}, Foreign(flash(x)), dtype="bfloat16")


def test_tensors_of_pytorch() -> None:
    """bfloat16, gradients and all; the format is that of the tensor."""
    torch = pytest.importorskip("torch")
    x = inputs()
    problem = {name: torch.from_numpy(array).bfloat16() for name, array in x.problem.items()}
    out = torch.nn.functional.scaled_dot_product_attention(*problem.values()).requires_grad_()
    assert compare(problem, out)
    assert compare(problem, out, dtype=torch.bfloat16).kind.name == "bfloat16"


def test_no_other_library_is_imported() -> None:
    """Reading an array never imports PyTorch or JAX."""
    code = (
        "import sys, attncli; attncli.compare({'Q': [[1]], 'K': [[1]], 'V': [[1]]}, [[1.0]], dtype='float16');"
        "print({'torch', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_message_of_pytest(tmp_path: Path) -> None:
    """A failing assertion shows the report, whole."""
    (tmp_path / "test_kernel.py").write_text(
        "import numpy as np\nfrom attncli import compare\n\ndef test():\n"
        "    r = np.random.default_rng(0)\n    p = {n: r.normal(size=(40, 8)).astype(np.float16) for n in 'QKV'}\n"
        "    assert compare(p, np.zeros((40, 8), dtype=np.float16))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_kernel.py"],
        check=False, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "assert <✗ 40×8 float16: noise " in done.stdout
    assert "100 % of elements, all rows" in done.stdout


@pytest.mark.parametrize("backend", ["MATH", "FLASH_ATTENTION"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_kernels_of_pytorch_are_honest(backend: str, dtype: str) -> None:
    """Both of PyTorch's kernels for the CPU are within, in every format."""
    torch = pytest.importorskip("torch")
    attention = pytest.importorskip("torch.nn.attention")
    torch.manual_seed(0)
    problem = {name: torch.randn(1, 2, 77, 64).to(getattr(torch, dtype)) for name in "QKV"}
    with attention.sdpa_kernel(getattr(attention.SDPBackend, backend)):
        out = torch.nn.functional.scaled_dot_product_attention(*problem.values(), is_causal=True)
    assert compare({**problem, "causal": True}, out).verdict == "within"
