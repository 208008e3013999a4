// Dictionary: integers and strings as keys.
using System.Collections.Generic;

static class Dictionaries
{
    static long Work()
    {
        Dice dice = new Dice(11);
        Dictionary<int, int> counts = new Dictionary<int, int>();
        for (int i = 0; i < 200000; i++)
        {
            int key = dice.Below(5000), n;
            counts.TryGetValue(key, out n);
            counts[key] = n + 1;
        }
        long sum = 0;
        foreach (KeyValuePair<int, int> pair in counts) sum += pair.Key * (long)pair.Value;

        string[] names = new string[500];
        for (int i = 0; i < names.Length; i++) names[i] = "name" + i;
        Dictionary<string, long> totals = new Dictionary<string, long>();
        for (int i = 0; i < 30000; i++)
        {
            string name = names[dice.Below(names.Length)];
            if (!totals.ContainsKey(name)) totals.Add(name, 0);
            totals[name] += i;
        }
        for (int i = 0; i < names.Length; i += 2) totals.Remove(names[i]);
        foreach (long total in totals.Values) sum += total;
        return sum + totals.Count;
    }

    static int Main() { return Bench.Run("dictionary", Work); }
}
