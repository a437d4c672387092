import { manifestSchema } from '@softmargin/shared/bundle/manifest.ts';
import { modelWithManifestSchema } from '../api/answers.ts';
import { requestJson } from '../api/request.ts';
import { useLoaded } from '../parts/loaded.ts';
import { percent, short, whole } from '../parts/numbers.ts';
import { WhenLoaded } from '../parts/problem.tsx';

/** The card of a model: what it takes, what it was trained on and how, and what it scored. */
export function ModelView({ name }: { name: string }) {
  const loaded = useLoaded(
    async (signal) => {
      const model = await requestJson(modelWithManifestSchema, `/v1/models/${encodeURIComponent(name)}`, {
        signal,
      });
      return { ...model, manifest: manifestSchema.parse(model.manifest) };
    },
    [name],
  );
  return (
    <>
      <h1>{name}</h1>
      <WhenLoaded loaded={loaded}>
        {({ sha256, created, owned_by, manifest }) => {
          const { architecture, input, preprocessing, embedding, dataset, scores, recipe } = manifest;
          return (
            <div class="cards">
              <Card
                title="Embedding"
                rows={{
                  Architecture: architecture,
                  Dimension: embedding.dimension,
                  Distance: embedding.distance,
                  'May be shortened': embedding.truncatable ? 'yes' : 'no',
                  Flip: embedding.flip ? 'averaged with the mirror image' : 'on request',
                  'SHA-256': short(sha256),
                  From:
                    owned_by === 'softmargin'
                      ? 'built in'
                      : `uploaded ${new Date(1000 * created).toLocaleDateString()}`,
                }}
              />
              <Card
                title="Picture"
                rows={{
                  Input: `${input.height} × ${input.width} × ${input.channels}`,
                  Resize: preprocessing.resize,
                  'Shorter side': preprocessing.shorterSide ?? 'stretched',
                  Invert: preprocessing.invert,
                  Mean: preprocessing.mean.map((value) => value.toPrecision(3)).join(', '),
                  Deviation: preprocessing.deviation.map((value) => value.toPrecision(3)).join(', '),
                }}
              />
              <Card
                title="Trained on"
                rows={{
                  'Data set': dataset.name,
                  'Training images': whole(dataset.trainImages),
                  'Test images': whole(dataset.testImages),
                  Identities: whole(dataset.identities),
                  Split: dataset.split,
                }}
              />
              <Card
                title="Held-out scores, %"
                rows={Object.fromEntries(
                  Object.entries(scores).map(([score, value]) => [score, percent(value)]),
                )}
              />
              <Card title="Recipe" rows={fieldsOf(recipe)} />
            </div>
          );
        }}
      </WhenLoaded>
    </>
  );
}

/** Every field of a recipe, those of its parts by their path. */
function fieldsOf(value: Readonly<Record<string, unknown>>, path = ''): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, field] of Object.entries(value)) {
    if (typeof field === 'object' && field !== null && !Array.isArray(field)) {
      Object.assign(fields, fieldsOf(field as Readonly<Record<string, unknown>>, `${path}${name}.`));
    } else {
      fields[path + name] = typeof field === 'string' ? field : JSON.stringify(field);
    }
  }
  return fields;
}

function Card({ title, rows }: { title: string; rows: Readonly<Record<string, string | number>> }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      <dl class="pairs">
        {Object.entries(rows).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
