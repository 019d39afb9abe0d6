// The type of a shipped dashboard: Grafana's own, with plain words where it has enumerations, and the fields that the
// data source adds to variables and annotations.
import type { AnnotationQuery, Dashboard, VariableModel } from '@grafana/schema';

type Plain<T> = T extends string ? `${T}`
  : T extends (infer One)[] ? Plain<One>[]
  : T extends object ? { [Key in keyof T]: Plain<T[Key]> }
  : T;

interface Asked {
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
  useValueForTime: boolean;
}

export type Shipped = Omit<Plain<Dashboard>, 'templating' | 'annotations'> & {
  templating: { list: (Plain<VariableModel> & { definition?: string })[] };
  annotations: { list: (Plain<AnnotationQuery> & Asked)[] };
};
