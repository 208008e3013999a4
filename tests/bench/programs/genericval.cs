// Generic code over value types: a heap whose order is a type argument.
using System.Collections.Generic;

interface IOrder<T> { bool Before(T a, T b); }

struct Event
{
    public int Time, Id;
}

struct ByTime : IOrder<Event>
{
    public bool Before(Event a, Event b) { return a.Time < b.Time || a.Time == b.Time && a.Id < b.Id; }
}

struct Descending : IOrder<long>
{
    public bool Before(long a, long b) { return a > b; }
}

sealed class Heap<T, TOrder> where TOrder : struct, IOrder<T>
{
    T[] items = new T[16];
    int count;
    TOrder order;

    public int Count { get { return count; } }

    public void Push(T item)
    {
        if (count == items.Length) System.Array.Resize(ref items, 2 * count);
        int at = count++;
        while (at > 0)
        {
            int parent = (at - 1) / 2;
            if (!order.Before(item, items[parent])) break;
            items[at] = items[parent];
            at = parent;
        }
        items[at] = item;
    }

    public T Pop()
    {
        T first = items[0], last = items[--count];
        int at = 0;
        while (true)
        {
            int child = 2 * at + 1;
            if (child >= count) break;
            if (child + 1 < count && order.Before(items[child + 1], items[child])) child++;
            if (!order.Before(items[child], last)) break;
            items[at] = items[child];
            at = child;
        }
        items[at] = last;
        return first;
    }
}

static class GenericVal
{
    static long Work()
    {
        Dice dice = new Dice(77);
        Heap<Event, ByTime> events = new Heap<Event, ByTime>();
        Heap<long, Descending> numbers = new Heap<long, Descending>();
        for (int i = 0; i < 30000; i++)
        {
            Event e;
            e.Time = dice.Below(10000);
            e.Id = i;
            events.Push(e);
            numbers.Push(dice.Next());
        }
        long sum = 0;
        while (events.Count > 0)
        {
            Event e = events.Pop();
            sum = sum * 17 + e.Time * 3 + e.Id + numbers.Pop();
        }
        return sum;
    }

    static int Main() { return Bench.Run("genericval", Work); }
}
