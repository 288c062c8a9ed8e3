/** @file One or two examples of each command, for its help. */

/** By command, without "rls3": the command line, and what it does. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, meaning: string])[]>> = {
  train: [
    ["rls3 train --quick", "a run in miniature"],
    ["rls3 train --beta 5 --iterations 20 --out runs/b5", "20 iterations with β = 5"],
    ["rls3 train --resume runs/b5", "goes on where it stopped"],
  ],
  compare: [["rls3 compare --arms rls3,random --seeds 5", "RLS3 against random sampling, with statistics"]],
  sweep: [["rls3 sweep --beta 1,5,10 --eta .5,1 --seeds 3 --out runs/grid", "6 combinations, 3 seeds each"]],
  eval: [["rls3 eval --adapter runs/b5/adapter", "accuracy of the bundled model with an adapter"]],
  export: [["rls3 export runs/b5 --format llava --out data", "its samples as a data set for LLaVA"]],
  report: [["rls3 report runs/b5", "writes report.html again from the run's files"]],
  dashboard: [["rls3 dashboard runs", "a live page of all runs in the folder"]],
  doctor: [["rls3 doctor --device cuda", "what cuda needs here"]],
  "env serve": [["rls3 env serve --bind tcp://127.0.0.1:5005", "waits for clients on this machine"]],
  "env check": [
    ["rls3 env check tcp://127.0.0.1:5005", "tests a running server against the protocol"],
    ["rls3 env check --spawn -- python3 my_server.py", "starts one, then tests it"],
  ],
  "env view": [["rls3 env view --scene 2 --seed 13 --out room.png", "draws a room, prints its captions"]],
  "env step": [["rls3 env step --world tabletop", "place objects by hand"]],
  "env keys": [["rls3 env keys --out keys", "keys for a server and its clients"]],
  "vlm pretrain": [["rls3 vlm pretrain --out my-clip", "makes the bundled CLIP again"]],
  "vlm inspect": [["rls3 vlm inspect ./clip-vit-base-patch32", "what it is, and how much memory it needs"]],
  "vlm verify": [["rls3 vlm verify ./my-clip", "compares a model with reference numbers"]],
  "vlm merge": [["rls3 vlm merge ./my-clip --adapter runs/b5/adapter --out merged", "makes one model of both"]],
  "vlm score": [
    ["rls3 vlm score ./my-clip --image room.png --caption 'The vase is above the plate.'", "how well a text fits"],
  ],
};
