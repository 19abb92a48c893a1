//! The stages of a deploy without IO, on fleets with three roles on every host: `cargo bench --bench stages`.

#![allow(missing_docs, reason = "criterion's macros make functions")]

mod fleet;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mrsk::facts::document;
use mrsk::plan::compile::compile;
use mrsk::plan::shape::Shape;
use mrsk::plan::wire;

use fleet::Fleet;

const HOSTS: [usize; 3] = [10, 100, 1_000];

fn stages(criterion: &mut Criterion) {
    for hosts in HOSTS {
        let mut group = criterion.benchmark_group("hosts");
        group
            .sample_size(10)
            .throughput(Throughput::Elements(hosts as u64));
        let fleet = Fleet::new(hosts);
        let plan = fleet.plan();
        let text = wire::to_json(&plan).expect("a plan is JSON");
        let facts = document::print(&fleet.facts).expect("facts are JSON");
        let name = |stage| BenchmarkId::new(stage, hosts);
        group.bench_function(name("config"), |b| b.iter(|| fleet::parse(&fleet.yaml)));
        group.bench_function(name("facts"), |b| b.iter(|| document::read(&facts)));
        group.bench_function(name("compile"), |b| {
            b.iter(|| compile(&fleet.config, &fleet.facts, &fleet.operation));
        });
        group.bench_function(name("digest"), |b| {
            b.iter_batched(|| plan.clone(), wire::seal, BatchSize::PerIteration);
        });
        group.bench_function(name("serialize"), |b| {
            b.iter(|| wire::write_json(&plan, std::io::sink()));
        });
        group.bench_function(name("parse"), |b| b.iter(|| wire::read_strict(&text)));
        group.bench_function(name("graph"), |b| b.iter(|| Shape::new(&plan)));
        group.finish();
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
