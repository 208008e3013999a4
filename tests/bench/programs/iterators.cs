// Iterators: chains of `yield return`, recursive ones, enumeration through interfaces.
using System.Collections.Generic;

static class Iterators
{
    static IEnumerable<int> Count(int from, int to)
    {
        for (int i = from; i < to; i++) yield return i;
    }

    static IEnumerable<int> Odd(IEnumerable<int> numbers)
    {
        foreach (int n in numbers) if ((n & 1) != 0) yield return n;
    }

    static IEnumerable<long> Squares(IEnumerable<int> numbers)
    {
        foreach (int n in numbers) yield return (long)n * n;
    }

    static IEnumerable<int> InOrder(int low, int high)
    {
        if (low >= high) yield break;
        int middle = (low + high) / 2;
        foreach (int n in InOrder(low, middle)) yield return n;
        yield return middle;
        foreach (int n in InOrder(middle + 1, high)) yield return n;
    }

    static long Work()
    {
        long sum = 0;
        foreach (long square in Squares(Odd(Count(0, 400000)))) sum += square & 1023;
        foreach (int n in InOrder(0, 20000)) sum = sum * 3 + n;
        return sum;
    }

    static int Main() { return Bench.Run("iterators", Work); }
}
