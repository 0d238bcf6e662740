// What is chosen first: a trial to compare with the best one.
if (board && page.chosen === null) {
  const start = curves ? curves.failed ?? curves.trials[1] ?? curves.trials[0] : 0;
  choose(start);
}
