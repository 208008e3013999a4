// LINQ: filters, projections, groups, orders, joins.
using System.Collections.Generic;
using System.Linq;

sealed class Order
{
    public int Customer, Amount;
}

static class Linq
{
    static readonly Order[] orders = Make();

    static Order[] Make()
    {
        Dice dice = new Dice(31);
        Order[] made = new Order[20000];
        for (int i = 0; i < made.Length; i++) made[i] = new Order { Customer = dice.Below(200), Amount = dice.Below(1000) };
        return made;
    }

    static long Work()
    {
        long sum = Enumerable.Range(0, 100000).Where(n => n % 3 == 0).Select(n => (long)n * n).Sum();
        var best = orders
            .GroupBy(o => o.Customer)
            .Select(g => new { g.Key, Total = g.Sum(o => o.Amount) })
            .OrderByDescending(c => c.Total).ThenBy(c => c.Key)
            .Take(50).ToList();
        foreach (var customer in best) sum = sum * 31 + customer.Key + customer.Total;
        sum += (from o in orders
                join p in best on o.Customer equals p.Key
                where o.Amount > 500
                select o.Amount - p.Total / 100).Sum();
        sum += orders.Select(o => o.Amount).Distinct().Count() + orders.Max(o => o.Amount);
        if (orders.Any(o => o.Amount == 999) && orders.All(o => o.Amount < 1000)) sum++;
        return sum + orders.Skip(10).Zip(orders, (a, b) => a.Amount ^ b.Amount).Aggregate(0, (a, b) => a * 3 + b);
    }

    static int Main() { return Bench.Run("linq", Work); }
}
