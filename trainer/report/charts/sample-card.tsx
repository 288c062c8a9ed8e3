/** @file A sample: its picture, its captions, and what the model made of them. */
import type { ComponentChildren } from "preact";
import type { SampleCaption } from "../../run-format/columns.js";
import { capital, decimal, percent } from "../format.js";
import type { SampleEntry } from "../world.js";

/** Addresses of its pictures; null where there is none. */
export interface Pictures {
  /** As the model saw it. */
  readonly seen: string | null;
  /** Drawn again for people. */
  readonly drawn: string | null;
}

interface CardProps {
  readonly sample: Omit<SampleEntry, "objects" | "image">;
  readonly room: string;
  readonly pictures: Pictures;
  /** In place of a picture. */
  readonly plan?: ComponentChildren;
}

/** What is in a sample, for those who do not see it. */
export const describeSample = (room: string, captions: readonly SampleCaption[]): string =>
  `${capital(room)}. ${captions.map(({ right }) => capital(right)).join(" ")}`;

export function SampleCard({ sample, room, pictures: { seen, drawn }, plan }: CardProps) {
  const { iteration, episode, step, captions, score, hardness, kept } = sample;
  const label = describeSample(room, captions);
  const main = drawn ?? seen;
  return (
    <li>
      {main === null ? (
        plan
      ) : (
        <div class={`pictures${drawn === null || seen === null ? "" : " both"}`}>
          <Picture class={drawn === null ? "seen" : "drawn"} src={main} alt={label} width={224} />
          {drawn !== null && seen !== null && (
            <p>
              <Picture class="seen" src={seen} alt="" width={64} />
              what the model saw
            </p>
          )}
        </div>
      )}
      <div class="said">
        {captions.length === 0 ? (
          <p>No question: in every pair, the objects' bases contradict the vertical term.</p>
        ) : (
          <dl>
            {captions.map((caption) => (
              <Caption {...caption} />
            ))}
          </dl>
        )}
        <p>
          {capital(room)}, iteration {iteration}, episode {episode}, step {step}. S {decimal(score, 2)}, h{" "}
          {decimal(hardness, 2)}.{!kept && " Not fine-tuned on."}
        </p>
      </div>
    </li>
  );
}

interface PictureProps {
  readonly class: "seen" | "drawn";
  readonly src: string;
  readonly alt: string;
  /** Pixels a side. */
  readonly width: number;
}

/** What is in the page already need not be waited for. */
const Picture = ({ alt, src, width, ...rest }: PictureProps) => (
  <img {...rest} {...{ src, width }} alt={alt} height={width} loading={src.startsWith("data:") ? undefined : "lazy"} />
);

function Caption({ prompt, right, said, answer, probability, margin }: SampleCaption) {
  // A model that answers may say something else than what is likeliest of what was asked.
  const [well, badly] = said === undefined ? ["Right", "Wrong: preferred"] : ["Right one likeliest", "Likeliest:"];
  return (
    <>
      <dt>
        {prompt !== undefined && (
          <>
            {capital(prompt)}
            <br />
          </>
        )}
        {capital(right)}
      </dt>
      <dd>
        {answer === undefined ? (
          <span class="right">✓ {well}.</span>
        ) : (
          <>
            <span class="wrong">
              ✗ {badly} “{differing(answer, right)}”
            </span>
            , not “{differing(right, answer)}”.
          </>
        )}
        {said !== undefined && ` It said “${said}”.`}
        <br />
        Probability {percent(probability, 0)}, margin {margin.toFixed(0)}°.
      </dd>
    </>
  );
}

/** The words of a caption from the first to the last in which it differs from the other. */
function differing(caption: string, other: string): string {
  const [words, others] = [caption.replace(/\.$/, "").split(" "), other.replace(/\.$/, "").split(" ")];
  let start = 0;
  while (start < words.length && words[start] === others[start]) start += 1;
  let end = 0;
  while (end < words.length - start && end < others.length - start && words.at(-1 - end) === others.at(-1 - end)) {
    end += 1;
  }
  return words.slice(start, words.length - end).join(" ");
}

/** What a reader has to know of the cards. */
export const CARD_NOTE =
  "Below each right caption: the model's answer when the sample was made, the probability it gave the right caption against the flipped ones, and the margin: degrees to the nearest boundary between two relations. A small margin means a near tie, not that the model fails.";
