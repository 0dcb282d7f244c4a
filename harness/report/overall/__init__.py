"""All models over all datasets: mean rank and mean score, cost, and the answer in words."""
