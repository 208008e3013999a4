// List: adding, indexing, enumerating, sorting, searching.
using System.Collections.Generic;

static class Lists
{
    static long Work()
    {
        Dice dice = new Dice(23);
        List<int> numbers = new List<int>();
        for (int i = 0; i < 50000; i++) numbers.Add(dice.Below(1000000));
        long sum = 0;
        for (int round = 0; round < 10; round++)
        {
            for (int i = 0; i < numbers.Count; i++) sum += numbers[i] ^ i;
            foreach (int n in numbers) sum -= n >> 3;
        }
        numbers.Sort();
        for (int i = 0; i < 10000; i++) sum += numbers.BinarySearch(numbers[i * 5]) & 1;
        List<string> words = new List<string>();
        for (int i = 0; i < 20000; i++) words.Add((i & 1) == 0 ? "even" : "odd");
        foreach (string word in words) sum += word.Length;
        numbers.Reverse();
        numbers.RemoveAll(n => (n & 3) != 0);
        numbers.InsertRange(5, new[] { 1, 2, 3 });
        return sum + numbers.Count * 7 + numbers[6];
    }

    static int Main() { return Bench.Run("lists", Work); }
}
