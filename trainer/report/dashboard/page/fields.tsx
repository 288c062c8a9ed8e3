/** @file Fields of forms, each with its label. */

/** Values with the texts that stand for them. */
type Options = readonly (readonly [value: string | number, text: string])[];

interface SelectProps {
  readonly name: string;
  readonly value: string;
  readonly options: Options;
  readonly set: (value: string) => void;
}

export const Select = ({ name, value, options, set }: SelectProps) => (
  <label>
    {name}
    <select value={value} onChange={(event) => set(event.currentTarget.value)}>
      {options.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  </label>
);

/** One of a few. */
export const Choice = ({ name, value, options, set }: SelectProps) => (
  <fieldset class="choice">
    <legend>{name}</legend>
    {options.map(([key, text]) => (
      <label key={key}>
        <input type="radio" name={name} checked={value === key} onChange={() => set(String(key))} />
        {text}
      </label>
    ))}
  </fieldset>
);

interface CheckProps {
  readonly name: string;
  readonly checked: boolean;
  readonly set: (checked: boolean) => void;
}

export const Check = ({ name, checked, set }: CheckProps) => (
  <label>
    <input type="checkbox" checked={checked} onChange={(event) => set(event.currentTarget.checked)} />
    {name}
  </label>
);

interface NumberProps {
  readonly name: string;
  readonly value: string;
  readonly limits: readonly [low: number, high: number];
  readonly step: number;
  readonly placeholder: number;
  readonly set: (value: string) => void;
}

const NumberField = ({ name, value, limits: [low, high], step, placeholder, set }: NumberProps) => (
  <label>
    {name}
    <input
      type="number"
      min={low}
      max={high}
      step={step}
      placeholder={String(placeholder)}
      value={value}
      onInput={(event) => set(event.currentTarget.value)}
    />
  </label>
);

interface RangeProps extends Pick<NumberProps, "name" | "limits"> {
  readonly value: readonly [from: string, to: string];
  readonly step?: number;
  readonly set: (from: string, to: string) => void;
}

/** From one number to another; an empty field is no limit. */
export function NumberRange({ name, value: [from, to], limits, step = 1, set }: RangeProps) {
  const both = { limits, step };
  return (
    <span class="range">
      <NumberField {...both} name={name} value={from} placeholder={limits[0]} set={(entered) => set(entered, to)} />
      <NumberField {...both} name="to" value={to} placeholder={limits[1]} set={(entered) => set(from, entered)} />
    </span>
  );
}

/** What stands in filters, as a query: empty fields are no filter. */
export const queryOf = (run: string, filters: Readonly<Record<string, string>>): Record<string, string> => ({
  run,
  ...Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== "")),
});

/** What is wrong, a line each. */
export const Problems = ({ of }: { readonly of: readonly (string | null)[] }) => (
  <>
    {of.map(
      (problem) =>
        problem !== null && (
          <p class="problem" key={problem}>
            {problem}
          </p>
        ),
    )}
  </>
);
