"""Depthwise convolutions whose weights' gradients are quick on a GPU: the libraries' take most of a training step."""

import torch
from torch.nn import functional

try:
    import triton
    import triton.language as tl
except ImportError:  # a machine without a GPU has no use for it
    triton = None

#: Pictures that one program sums, and pixels that it looks at together.
PICTURES, BLOCK = 8, 256

if triton is not None:

    @triton.jit
    def _sum_taps(x, g, out, count, channels, height, width, to_height, to_width, size, stride, pad,
                  taps: tl.constexpr, pictures: tl.constexpr, block: tl.constexpr):  # fmt: skip
        """out[chunk][c][taps]: of every tap the sum over a chunk's pictures of what it saw times the gradient there."""
        c, chunk = tl.program_id(0), tl.program_id(1)
        tap = tl.arange(0, taps)[:, None]
        dy, dx = tap // size - pad, tap % size - pad
        total = tl.zeros((taps, block), tl.float32)
        area = to_height * to_width
        for k in range(pictures):
            n = chunk * pictures + k
            if n < count:
                plane = (n * channels + c).to(tl.int64)
                for start in range(0, area, block):
                    at = start + tl.arange(0, block)[None, :]
                    here = at < area
                    row, column = at // to_width * stride + dy, at % to_width * stride + dx
                    inside = here & (row >= 0) & (row < height) & (column >= 0) & (column < width) & (tap < size * size)
                    seen = tl.load(x + plane * height * width + row * width + column, mask=inside, other=0.0)
                    slope = tl.load(g + plane * area + at, mask=here, other=0.0)
                    total += seen.to(tl.float32) * slope.to(tl.float32)
        at = (chunk * channels + c) * taps + tl.arange(0, taps)
        tl.store(out + at, tl.sum(total, 1))


def _weight_gradient(x, g, size, stride, pad):
    """[c][1][size][size], float."""
    n, channels, height, width = x.shape
    if triton is not None and x.is_cuda:
        x, g = x.contiguous(), g.contiguous()
        taps, chunks = triton.next_power_of_2(size * size), triton.cdiv(n, PICTURES)
        out = torch.empty(chunks, channels, taps, device=x.device)
        _sum_taps[(channels, chunks)](
            x, g, out, n, channels, height, width, g.shape[2], g.shape[3], size, stride, pad, taps, PICTURES, BLOCK
        )
        return out.sum(0)[:, : size * size].reshape(channels, 1, size, size)
    padded = functional.pad(x, (pad,) * 4)
    reach = [stride * (s - 1) + 1 for s in g.shape[2:]]
    sums = []
    for dy in range(size):
        for dx in range(size):
            seen = padded[:, :, dy : dy + reach[0] : stride, dx : dx + reach[1] : stride]
            sums.append((seen.float() * g.float()).sum((0, 2, 3)))
    return torch.stack(sums, 1).reshape(channels, 1, size, size)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, stride, pad):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.pad = stride, pad
        return functional.conv2d(x, weight, None, stride, pad, 1, len(weight))

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        stride, pad = [ctx.stride] * 2, [ctx.pad] * 2
        seen, _, _ = torch.ops.aten.convolution_backward(
            g.contiguous(), x, weight, None, stride, pad, [1, 1], False, [0, 0], len(weight), [True, False, False]
        )
        return seen, _weight_gradient(x, g, weight.shape[2], ctx.stride, ctx.pad).to(weight.dtype), None, None


def depthwise(x, weight, bias=None, stride=1, pad=0):
    """conv2d() with as many groups as channels; x [n][c][h][w], weight [c][1][k][k]."""
    if not torch.is_grad_enabled():
        return functional.conv2d(x, weight, bias, stride, pad, 1, len(weight))
    if torch.is_autocast_enabled(x.device.type):
        short = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(short), weight.to(short), None if bias is None else bias.to(short)
    y = _Depthwise.apply(x, weight, stride, pad)
    return y if bias is None else y + bias[:, None, None]


def check(device):
    """Compares with the library's gradients on the device, and does without the kernel where it does not run or differs."""
    global triton
    if triton is None or device.type != "cuda":
        return
    x, weight = torch.randn(9, 6, 20, 22, device=device), torch.randn(6, 1, 3, 3, device=device, requires_grad=True)
    y = functional.conv2d(x, weight, None, 2, 1, 1, 6)
    (wanted,) = torch.autograd.grad(y.square().sum(), weight)
    try:
        got = _weight_gradient(x, 2 * y.detach(), 3, 2, 1)
        if torch.allclose(got, wanted, rtol=1e-2, atol=0.1):
            return
        print("depthwise: the kernel differs, it is left", flush=True)
    except Exception as problem:  # whatever keeps a compiler from working
        print(f"depthwise: no kernel ({problem})", flush=True)
    triton = None
