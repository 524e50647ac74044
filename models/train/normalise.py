"""
Batch normalisation, with a ReLU behind it or not, that is quick on a GPU where channels are few and pictures many: the
libraries give a channel to one block of threads, here many share it.
"""

import torch
from torch import nn
from torch.nn import functional

try:
    import triton
    import triton.language as tl
except ImportError:  # a machine without a GPU has no use for it
    triton = None

#: Pictures that one program sums, and pixels that it looks at together.
PICTURES, BLOCK = 4, 1024

if triton is not None:

    @triton.jit
    def _sums(x, out, count, channels, area, pictures: tl.constexpr, block: tl.constexpr):
        """out[chunk][c][2]: sums and sums of squares over a chunk's pictures."""
        c, chunk = tl.program_id(0), tl.program_id(1)
        total, squares = tl.zeros((block,), tl.float32), tl.zeros((block,), tl.float32)
        for k in range(pictures):
            n = chunk * pictures + k
            if n < count:
                plane = (n * channels + c).to(tl.int64) * area
                for start in range(0, area, block):
                    at = start + tl.arange(0, block)
                    value = tl.load(x + plane + at, mask=at < area, other=0.0).to(tl.float32)
                    total += value
                    squares += value * value
        at = out + (chunk * channels + c) * 2
        tl.store(at, tl.sum(total, 0))
        tl.store(at + 1, tl.sum(squares, 0))

    @triton.jit
    def _scaled(x, scale, shift, y, total, channels, area, active: tl.constexpr, block: tl.constexpr):
        at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
        here = at < total
        c = (at // area) % channels
        value = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
        value = value * tl.load(scale + c, mask=here, other=0.0) + tl.load(shift + c, mask=here, other=0.0)
        if active:
            value = tl.maximum(value, 0.0)
        tl.store(y + at, value, mask=here)

    @triton.jit
    def _slope_sums(x, g, scale, shift, middle, spread, out, count, channels, area,
                    active: tl.constexpr, pictures: tl.constexpr, block: tl.constexpr):  # fmt: skip
        """out[chunk][c][2]: sums of the slopes that pass the ReLU, and of those times the normalised values."""
        c, chunk = tl.program_id(0), tl.program_id(1)
        a, b = tl.load(scale + c), tl.load(shift + c)
        m, s = tl.load(middle + c), tl.load(spread + c)
        total, product = tl.zeros((block,), tl.float32), tl.zeros((block,), tl.float32)
        for k in range(pictures):
            n = chunk * pictures + k
            if n < count:
                plane = (n * channels + c).to(tl.int64) * area
                for start in range(0, area, block):
                    at = start + tl.arange(0, block)
                    value = tl.load(x + plane + at, mask=at < area, other=0.0).to(tl.float32)
                    slope = tl.load(g + plane + at, mask=at < area, other=0.0).to(tl.float32)
                    if active:
                        slope = tl.where(value * a + b > 0, slope, 0.0)
                    total += slope
                    product += slope * ((value - m) * s)
        at = out + (chunk * channels + c) * 2
        tl.store(at, tl.sum(total, 0))
        tl.store(at + 1, tl.sum(product, 0))

    @triton.jit
    def _slopes(x, g, scale, shift, middle, spread, means, dx, total, channels, area,
                active: tl.constexpr, block: tl.constexpr):  # fmt: skip
        """means[c][2]: of _slope_sums, over all values of a channel."""
        at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
        here = at < total
        c = (at // area) % channels
        value = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
        slope = tl.load(g + at, mask=here, other=0.0).to(tl.float32)
        a = tl.load(scale + c, mask=here, other=0.0)
        if active:
            slope = tl.where(value * a + tl.load(shift + c, mask=here, other=0.0) > 0, slope, 0.0)
        seen = (value - tl.load(middle + c, mask=here, other=0.0)) * tl.load(spread + c, mask=here, other=0.0)
        slope -= tl.load(means + 2 * c, mask=here, other=0.0) + seen * tl.load(means + 2 * c + 1, mask=here, other=0.0)
        tl.store(dx + at, a * slope, mask=here)


class _Normalised(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, epsilon, active):
        x = x.contiguous()
        n, channels, height, width = x.shape
        area, chunks = height * width, triton.cdiv(n, PICTURES)
        sums = torch.empty(chunks, channels, 2, device=x.device)
        _sums[(channels, chunks)](x, sums, n, channels, area, PICTURES, BLOCK)
        middle, squares = (sums.sum(0) / (n * area)).unbind(1)
        variance = (squares - middle * middle).clamp(min=0)
        spread = torch.rsqrt(variance + epsilon)
        scale = weight.float() * spread
        shift = bias.float() - middle * scale
        y = torch.empty_like(x)
        _scaled[(triton.cdiv(x.numel(), BLOCK),)](x, scale, shift, y, x.numel(), channels, area, active, BLOCK)
        ctx.save_for_backward(x, scale, shift, middle, spread)
        ctx.active = active
        ctx.mark_non_differentiable(middle, variance)
        return y, middle, variance

    @staticmethod
    def backward(ctx, g, *_):
        x, scale, shift, middle, spread = ctx.saved_tensors
        g = g.contiguous()
        n, channels, height, width = x.shape
        area, chunks = height * width, triton.cdiv(n, PICTURES)
        middle, spread = middle.contiguous(), spread.contiguous()
        sums = torch.empty(chunks, channels, 2, device=x.device)
        _slope_sums[(channels, chunks)](
            x, g, scale, shift, middle, spread, sums, n, channels, area, ctx.active, PICTURES, BLOCK
        )
        sums = sums.sum(0)
        means = (sums / (n * area)).contiguous()
        dx = torch.empty_like(x)
        _slopes[(triton.cdiv(x.numel(), BLOCK),)](
            x, g, scale, shift, middle, spread, means, dx, x.numel(), channels, area, ctx.active, BLOCK
        )
        return dx, sums[:, 1], sums[:, 0], None, None


class Normalised(nn.BatchNorm2d):
    """BatchNorm2d with a ReLU behind it where it is active, and the same state."""

    def __init__(self, channels, active):
        super().__init__(channels)
        self.active = active

    def forward(self, x):
        if self.training and x.is_cuda and triton is not None:
            y, middle, variance = _Normalised.apply(x, self.weight, self.bias, self.eps, self.active)
            with torch.no_grad():
                count = x.numel() // x.shape[1]
                self.running_mean.lerp_(middle, self.momentum)
                self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            return y
        y = super().forward(x)
        return functional.relu(y) if self.active else y


def differences(device):
    """The largest differences from the library's values and slopes, of a small example."""
    most = 0.0
    for active in (False, True):
        x = torch.randn(9, 6, 21, 22, device=device) * 2 + 0.5
        weight, bias = torch.rand(6, device=device) + 0.5, torch.randn(6, device=device)
        g = torch.randn_like(x)
        results = []
        for own in (False, True):
            leaves = [v.clone().requires_grad_() for v in (x, weight, bias)]
            if own:
                y, _, _ = _Normalised.apply(*leaves, 1e-5, active)
            else:
                y = functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], True, 0.1, 1e-5)
                y = functional.relu(y) if active else y
            results.append([y.detach(), *torch.autograd.grad((y * g).sum(), leaves)])
        for a, b in zip(*results):
            most = max(most, float((a - b).abs().max() / a.abs().max()))
    return most


def check(device):
    """Compares with the library on the device, and does without the kernels where they do not run or differ."""
    global triton
    if triton is None or device.type != "cuda":
        return
    try:
        if (apart := differences(device)) < 1e-3:
            return
        print(f"normalise: the kernels differ by {apart:.1e}, they are left", flush=True)
    except Exception as problem:  # whatever keeps a compiler from working
        print(f"normalise: no kernels ({problem})", flush=True)
    triton = None
