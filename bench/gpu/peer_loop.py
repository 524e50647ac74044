"""The peer's loop (loop.py of prototypes/peer-loop) on a GPU: python3 peer_loop.py FOLDER

Runs it with every tensor on the device. Generous to the peer: visibility, for which it has no kernel, is computed once,
on the processor (vis.so, compiled here where FOLDER has none), and costs nothing afterwards; no value is read back; the
time is that of an iteration in a row of twenty.
Prints one line of JSON.
"""
import json, os, subprocess, sys, tempfile

folder = os.path.abspath(sys.argv[1])
source = open(os.path.join(folder, 'loop.py')).read()
compiled = os.path.join(folder, 'vis.so')
scratch = tempfile.TemporaryDirectory()
os.chdir(scratch.name)
if os.path.exists(compiled):
    os.symlink(compiled, 'vis.so')
else:
    subprocess.run(['g++', '-O3', '-shared', '-fPIC', os.path.join(folder, 'vis.cpp'), '-o', 'vis.so'], check=True)


def replace(old, new):
    global source
    if source.count(old) != 1:
        raise SystemExit(f'loop.py is not the one that this was written for: {old}')
    source = source.replace(old, new)


replace('import torch, numpy as np, ctypes, time, sys', 'import torch, numpy as np, ctypes, time; torch.set_default_device("cuda"); seen=[]')
replace('torch.set_num_threads(int(sys.argv[1]) if len(sys.argv)>1 else 2); ', '')
start = source.index('    t0=time.perf_counter(); P=')
end = source.index('im=torch.zeros(S*S,3)')
source = (
    source[:start]
    + '''    if not seen:
        P=torch.stack([pr[:,0],S-pr[:,1],cam[:,2]],1).detach().cpu().contiguous().numpy(); tid=np.empty(S*S,'i4'); ba=np.zeros((S*S,3),'f4'); q=lambda a:a.ctypes.data_as(ctypes.c_void_p)
        L.vis(q(P),q(T),F,S,S,q(tid),q(ba)); ti=torch.tensor(tid.astype('i8')); m=(ti>=0); seen.extend([tri[ti[m]],m,torch.tensor(ba)[m],m.nonzero()[:,0]])
    corners,m,w,places=seen; '''
    + source[end:]
)
replace('im=im.index_put((m.nonzero()[:,0],),(col[tri[ti[m]]]*w[:,:,None]).sum(1))', 'im=im.index_put((places,),(col[corners]*w[:,:,None]).sum(1))')
replace('return loss.item(),m.sum().item()', 'return loss')
source = source[: source.index('for _ in range(3): r=step()')] + '''
for _ in range(20): step()
rounds=[]
for _ in range(10):
    torch.cuda.synchronize(); a=time.perf_counter()
    for _ in range(20): loss=step()
    torch.cuda.synchronize(); rounds.append((time.perf_counter()-a)/20)
report(loss=loss.item(), medianMs=1e3*float(np.median(rounds)), minMs=1e3*min(rounds), torch=torch.__version__, device=torch.cuda.get_device_name())
'''
exec(compile(source, 'loop.py', 'exec'), {'report': lambda **figures: print(json.dumps({'peer': figures}))})
