"""The four networks of HRN's method in PyTorch, at the sizes of the published checkpoints with random weights, as its code
runs them (batch normalisation as layers, no gradients): python3 networks.py SHAPES.json THREADS

SHAPES.json: network -> tensor -> shape. Prints a line of JSON a network: the median of its runs, ms.
"""
import json, sys, time
import torch
from torch import nn
from torch.nn import functional as F

shapes = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]))
ROUNDS = 3


class Tensors:
    """Layers of a checkpoint by the names of their tensors."""

    def __init__(self, network, prefix):
        self.shapes, self.prefix = shapes[network], prefix

    def has(self, name):
        return f'{self.prefix}{name}.weight' in self.shapes

    def size(self, name):
        return self.shapes[f'{self.prefix}{name}.weight']

    def conv(self, name, stride=1, pad=0):
        outputs, inputs, side, _ = self.size(name)
        return nn.Conv2d(inputs, outputs, side, stride, pad, bias=f'{self.prefix}{name}.bias' in self.shapes)

    def norm(self, name):
        return nn.BatchNorm2d(self.size(name)[0])


class Bottleneck(nn.Module):
    def __init__(self, t, at, stride):
        super().__init__()
        parts = [t.conv(f'{at}.conv1'), t.norm(f'{at}.bn1'), nn.ReLU(True)]
        parts += [t.conv(f'{at}.conv2', stride, 1), t.norm(f'{at}.bn2'), nn.ReLU(True)]
        self.inner = nn.Sequential(*parts, t.conv(f'{at}.conv3'), t.norm(f'{at}.bn3'))
        down = f'{at}.downsample'
        self.shortcut = nn.Sequential(t.conv(f'{down}.0', stride), t.norm(f'{down}.1')) if t.has(f'{down}.0') else None

    def forward(self, x):
        return F.relu(self.inner(x) + (self.shortcut(x) if self.shortcut else x))


class Coefficients(nn.Module):
    def __init__(self):
        super().__init__()
        t = Tensors('coefficients', 'net_recon.')
        parts = [t.conv('backbone.conv1', 2, 3), t.norm('backbone.bn1'), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
        for layer in range(1, 5):
            block = 0
            while t.has(f'backbone.layer{layer}.{block}.conv1'):
                parts.append(Bottleneck(t, f'backbone.layer{layer}.{block}', 2 if layer > 1 and block == 0 else 1))
                block += 1
        self.backbone = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1))
        self.heads = nn.ModuleList(t.conv(f'final_layers.{i}') for i in range(7))

    def forward(self, image):
        x = self.backbone(image)
        return torch.cat([head(x) for head in self.heads], 1)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


def map_network(network):
    t = Tensors(network, f'{network}_net.model.')

    def normed(layer, width):
        return [layer, nn.InstanceNorm2d(width), nn.ReLU(True)]

    width = t.size('1')[0]
    parts = [nn.ReflectionPad2d(3), *normed(t.conv('1'), width)]
    parts += normed(t.conv('4', 2, 1), 2 * width) + normed(t.conv('7', 2, 1), 4 * width)
    layer = 10
    while t.has(f'{layer}.conv_block.1'):
        second = 5 if t.has(f'{layer}.conv_block.5') else 6
        inner = [nn.ReflectionPad2d(1), *normed(t.conv(f'{layer}.conv_block.1'), 4 * width), nn.ReflectionPad2d(1)]
        inner += [t.conv(f'{layer}.conv_block.{second}'), nn.InstanceNorm2d(4 * width)]
        parts.append(Residual(nn.Sequential(*inner)))
        layer += 1
    for at in (layer, layer + 3):
        inputs, outputs = t.size(str(at))[:2]
        parts += normed(nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1), outputs)
    return nn.Sequential(*parts, nn.ReflectionPad2d(3), t.conv(str(layer + 7)), nn.Tanh())


class Retouch(nn.Module):
    def __init__(self):
        super().__init__()
        t = Tensors('retouch', 'generator.')

        def twice(at):
            parts = []
            for k in (0, 3):
                parts += [t.conv(f'{at}.{k}', 1, 1), t.norm(f'{at}.{k + 1}'), nn.ReLU(True)]
            return nn.Sequential(*parts)

        self.first = twice('inc.conv.conv')
        self.down = nn.ModuleList(twice(f'down{k}.mpconv.1.conv') for k in range(1, 5))
        self.up = nn.ModuleList(twice(f'up{k}.conv.conv') for k in range(1, 5))
        self.last = t.conv('outc.conv')

    def forward(self, texture):
        levels = [self.first(F.interpolate(texture, scale_factor=2, mode='bilinear'))]
        for down in self.down:
            levels.append(down(F.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up in self.up:
            x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=True)
            x = up(torch.cat([levels.pop(), x], 1))
        return F.interpolate(torch.sigmoid(self.last(x)), scale_factor=0.5, mode='bilinear')


NETWORKS = {
    'coefficients': (Coefficients, (3, 224)),
    'mid': (lambda: map_network('mid'), (6, 64)),
    'high': (lambda: map_network('high'), (9, 256)),
    'retouch': (Retouch, (3, 256)),
}
with torch.no_grad():
    for name, (make, (channels, side)) in NETWORKS.items():
        network, x, times = make().eval(), torch.rand(1, channels, side, side), []
        network(x)
        for _ in range(ROUNDS):
            start = time.perf_counter()
            network(x)
            times.append(time.perf_counter() - start)
        print(json.dumps({'network': name, 'ms': 1e3 * sorted(times)[ROUNDS // 2], 'torch': torch.__version__}), flush=True)
