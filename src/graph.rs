//! A directed acyclic graph of numbered nodes, and a queue of what may run next. It knows nothing of deploys.
//!
//! [`Graph`] is checked once and never changes; a [`Queue`] over it holds what has ended. Everything is
//! linear in nodes and edges.

use std::marker::PhantomData;

use petgraph::graph::{DiGraph, NodeIndex};

/// How a node must have ended for an edge that leaves it to be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Only a success will do.
    Success,
    /// A failure that is tolerated will do too.
    Settled,
}

/// A node's number: `usize`, or a type of its own.
pub trait Node: Copy + From<usize> + Into<usize> {}

impl<N: Copy + From<usize> + Into<usize>> Node for N {}

/// An edge: `to` waits for `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge<N> {
    /// The node that is waited for.
    pub from: N,
    /// The node that waits.
    pub to: N,
    /// How `from` must have ended.
    pub condition: Condition,
}

/// Why edges do not make a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// An edge names a node that does not exist.
    #[error("edge from {from} to {to} names a node that does not exist")]
    OutOfRange {
        /// The node that is waited for.
        from: usize,
        /// The node that waits.
        to: usize,
    },
    /// A node waits, directly or not, for itself.
    #[error("node {node} waits for itself")]
    Cycle {
        /// A node of the cycle.
        node: usize,
    },
}

/// A checked graph of the nodes `0..len`.
#[derive(Debug, Clone)]
pub struct Graph<N> {
    order: Vec<N>,
    needs: Adjacency<N>,
    dependents: Adjacency<N>,
}

/// The other ends of the edges at each node, in the order in which they were given.
type Adjacency<N> = Vec<Vec<(N, Condition)>>;

impl<N: Node> Graph<N> {
    /// Checks `edges` over the nodes `0..nodes`.
    ///
    /// # Errors
    ///
    /// An edge that leaves this range, and a cycle, named by one of its nodes.
    pub fn new(nodes: usize, edges: &[Edge<N>]) -> Result<Self, GraphError> {
        let mut graph = DiGraph::<(), ()>::with_capacity(nodes, edges.len());
        let (mut needs, mut dependents) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for _ in 0..nodes {
            graph.add_node(());
        }
        for edge in edges {
            let (from, to) = (edge.from.into(), edge.to.into());
            if from >= nodes || to >= nodes {
                return Err(GraphError::OutOfRange { from, to });
            }
            graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
            needs[to].push((edge.from, edge.condition));
            dependents[from].push((edge.to, edge.condition));
        }
        let order = petgraph::algo::toposort(&graph, None);
        let order = order.map_err(|cycle| GraphError::Cycle {
            node: cycle.node_id().index(),
        })?;
        let order = order.iter().map(|node| N::from(node.index())).collect();
        Ok(Self {
            order,
            needs,
            dependents,
        })
    }

    /// Returns the nodes, each after all that it waits for.
    pub fn order(&self) -> &[N] {
        &self.order
    }

    /// Returns what `node` waits for.
    pub fn needs(&self, node: N) -> impl Iterator<Item = N> + '_ {
        self.needs[node.into()].iter().map(|(other, _)| *other)
    }

    /// Returns what waits for `node`.
    pub fn dependents(&self, node: N) -> impl Iterator<Item = N> + '_ {
        self.dependents[node.into()].iter().map(|(other, _)| *other)
    }
}

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It succeeded.
    Success,
    /// It failed, and that is tolerated: edges with [`Condition::Settled`] are met.
    Tolerated,
    /// It failed, or will never run.
    Failure,
}

/// What the end of a node changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released<N> {
    /// Nodes that may run now.
    pub ready: Vec<N>,
    /// Nodes that will never run, each after the one that keeps it from running: they ended as failures.
    pub blocked: Vec<N>,
}

/// Which nodes of a [`Graph`] have ended, and which may run.
#[derive(Debug, Clone)]
pub struct Queue<N> {
    nodes: Vec<Progress>,
    of: PhantomData<N>,
}

/// How far a node is from running.
#[derive(Debug, Clone)]
struct Progress {
    waits_for: usize,
    unmet: usize,
    tolerates: usize,
    ended: bool,
}

impl<N: Node> Queue<N> {
    /// Returns a queue in which nothing has ended. `tolerates` says for each node how many of its needs may
    /// be unmet when it runs.
    pub fn new(graph: &Graph<N>, tolerates: impl Fn(N) -> usize) -> Self {
        let node = |node: N| Progress {
            waits_for: graph.needs[node.into()].len(),
            unmet: 0,
            tolerates: tolerates(node),
            ended: false,
        };
        Self {
            nodes: (0..graph.order.len()).map(N::from).map(node).collect(),
            of: PhantomData,
        }
    }

    /// Returns the nodes that wait for nothing and have not ended.
    pub fn ready(&self) -> Vec<N> {
        let nodes = (0..self.nodes.len()).map(N::from);
        nodes.filter(|node| self.is_ready(*node)).collect()
    }

    /// Returns whether `node` waits for nothing and has not ended.
    pub fn is_ready(&self, node: N) -> bool {
        let node = &self.nodes[node.into()];
        node.waits_for == 0 && !node.ended
    }

    /// Returns the number of needs of `node` that have not ended.
    pub fn waits_for(&self, node: N) -> usize {
        self.nodes[node.into()].waits_for
    }

    /// Returns whether `node` has ended, or is blocked.
    pub fn has_ended(&self, node: N) -> bool {
        self.nodes[node.into()].ended
    }

    /// Records the end of `node`, and returns what that changes. A second end of a node changes nothing.
    pub fn finish(&mut self, graph: &Graph<N>, node: N, ended: Ended) -> Released<N> {
        let mut released = Released {
            ready: Vec::new(),
            blocked: Vec::new(),
        };
        if std::mem::replace(&mut self.nodes[node.into()].ended, true) {
            return released;
        }
        let mut work = vec![(node, ended)];
        while let Some((from, ended)) = work.pop() {
            for &(to, condition) in &graph.dependents[from.into()] {
                let met = match ended {
                    Ended::Success => true,
                    Ended::Tolerated => condition == Condition::Settled,
                    Ended::Failure => false,
                };
                let next = &mut self.nodes[to.into()];
                next.waits_for -= 1;
                next.unmet += usize::from(!met);
                if next.ended {
                    continue;
                }
                if next.unmet > next.tolerates {
                    next.ended = true;
                    released.blocked.push(to);
                    work.push((to, Ended::Failure));
                } else if next.waits_for == 0 {
                    released.ready.push(to);
                }
            }
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Released<usize> = Released {
        ready: Vec::new(),
        blocked: Vec::new(),
    };

    fn edge(from: usize, to: usize) -> Edge<usize> {
        Edge {
            from,
            to,
            condition: Condition::Success,
        }
    }

    #[test]
    fn a_cycle_and_a_foreign_node_are_named() {
        assert!(matches!(
            Graph::new(3, &[edge(0, 1), edge(1, 2), edge(2, 1)]),
            Err(GraphError::Cycle { node: 1 | 2 })
        ));
        assert!(matches!(
            Graph::new(1, &[edge(0, 0)]),
            Err(GraphError::Cycle { node: 0 })
        ));
        assert_eq!(
            Graph::new(1, &[edge(0, 1)]).err(),
            Some(GraphError::OutOfRange { from: 0, to: 1 })
        );
    }

    #[test]
    fn a_node_is_ready_when_all_its_needs_have_succeeded() {
        let graph = Graph::new(4, &[edge(0, 2), edge(1, 2), edge(2, 3)]).unwrap();
        let mut queue = Queue::new(&graph, |_| 0);
        assert_eq!(queue.ready(), [0, 1]);
        assert_eq!(queue.finish(&graph, 0, Ended::Success), NOTHING);
        assert_eq!(queue.finish(&graph, 1, Ended::Success).ready, [2]);
        assert_eq!(queue.finish(&graph, 1, Ended::Success), NOTHING);
        assert!(queue.is_ready(2) && !queue.is_ready(3));
    }

    #[test]
    fn a_failure_blocks_everything_behind_it_once() {
        let graph = Graph::new(4, &[edge(0, 1), edge(0, 2), edge(1, 3), edge(2, 3)]).unwrap();
        let mut queue = Queue::new(&graph, |_| 0);
        let released = queue.finish(&graph, 0, Ended::Failure);
        assert_eq!(released.ready, [0; 0]);
        let mut blocked = released.blocked;
        blocked.sort_unstable();
        assert_eq!(blocked, [1, 2, 3]);
    }

    #[test]
    fn what_an_edge_wants_decides_about_a_tolerated_failure() {
        let settled = Edge {
            condition: Condition::Settled,
            ..edge(0, 2)
        };
        let graph = Graph::new(3, &[edge(0, 1), settled]).unwrap();
        let released = Queue::new(&graph, |_| 0).finish(&graph, 0, Ended::Tolerated);
        assert_eq!((released.ready, released.blocked), (vec![2], vec![1]));
    }

    #[test]
    fn a_node_that_tolerates_failures_still_waits_for_all() {
        let graph = Graph::new(4, &[edge(0, 3), edge(1, 3), edge(2, 3)]).unwrap();
        let mut queue = Queue::new(&graph, |node| usize::from(node == 3));
        assert_eq!(queue.finish(&graph, 0, Ended::Failure), NOTHING);
        assert_eq!(queue.finish(&graph, 1, Ended::Success), NOTHING);
        let mut other = queue.clone();
        assert_eq!(queue.finish(&graph, 2, Ended::Success).ready, [3]);
        assert_eq!(other.finish(&graph, 2, Ended::Failure).blocked, [3]);
    }

    #[test]
    fn a_long_chain_is_ordered_and_blocked_without_recursion() {
        let edges: Vec<Edge<usize>> = (1..200_000).map(|node| edge(node - 1, node)).collect();
        let graph = Graph::new(200_000, &edges).unwrap();
        assert!(graph.order().windows(2).all(|pair| pair[0] < pair[1]));
        let released = Queue::new(&graph, |_| 0).finish(&graph, 0, Ended::Failure);
        assert_eq!(released.blocked.len(), 199_999);
    }
}
